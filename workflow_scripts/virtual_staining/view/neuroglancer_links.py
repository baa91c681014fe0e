"""Links that open a volume in neuroglancer, where that library is installed."""

import importlib.util
from typing import Any

from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.rgba import open_rgba
from virtual_staining.view.volumes import FoundVolume

COLOURS = """
#uicontrol float clear slider(min=0, max=1, default=0.2)
void main() {
  vec3 c = vec3(
    toNormalized(getDataValue(0)), toNormalized(getDataValue(1)), toNormalized(getDataValue(2)));
  float a = clamp((1.0 - (c.r + c.g + c.b) / 3.0 - clear) / (1.0 - clear), 0.0, 1.0);
  emitRGBA(vec4(c, VOLUME_RENDERING ? a * 0.5 : 1.0));
}
"""


class Neuroglancer:
    """Neuroglancer's own server on this machine, started with the first volume.

    Attributes
    ----------
    remark : str
        For the list of volumes.
    origin : str
        Where its pages come from; empty before its server runs.
    """

    def __init__(self):
        self.installed = importlib.util.find_spec("neuroglancer") is not None
        self.remark = (
            "" if self.installed else "Neuroglancer is not installed: pip install neuroglancer"
        )
        self.origin = ""
        self.viewers: dict[FoundVolume, Any] = {}

    def address(self, results: Results, volume: FoundVolume, source: str) -> str:
        """Return the address of a viewer of a volume, or nothing without neuroglancer.

        Parameters
        ----------
        results : Results
        volume : FoundVolume
        source : str
            Address of the OME-Zarr.
        """
        if not self.installed:
            return ""
        import neuroglancer  # optional

        if volume not in self.viewers:
            neuroglancer.set_server_bind_address("127.0.0.1")
            viewer = neuroglancer.Viewer()
            zarr = results.stained_volume(volume.stain, volume.model, volume.volume).zarr
            finest = open_rgba(zarr)[0]
            viewer.set_state(state_of(source, finest.array.shape[1:], finest.voxel_size_um))
            self.viewers[volume] = viewer
        address = str(self.viewers[volume].get_viewer_url())
        self.origin = "/".join(address.split("/")[:3])
        return address


def state_of(source: str, shape: tuple[int, int, int], voxel_um: float) -> dict:
    """Return neuroglancer's state for a colour volume: slices and rendering beside each other."""
    metres = voxel_um / 1e6
    axes = {axis: [metres, "m"] for axis in "zyx"}
    layer = {
        "type": "image",
        "name": "stain",
        "source": {
            "url": f"{source}/|zarr3:",
            "transform": {"outputDimensions": {"c^": [1, ""], **axes}},
        },
        "shader": COLOURS,
        "volumeRendering": "on",
        "volumeRenderingDepthSamples": 128,
    }
    return {
        "dimensions": {axis: axes[axis] for axis in "xyz"},
        "position": [n / 2 for n in shape[::-1]],
        "crossSectionScale": max(shape) / 600,
        "projectionScale": 2 * max(shape),
        "layers": [layer],
        "layout": "4panel",
        "showScaleBar": True,
    }
