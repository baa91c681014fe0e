"""The page that lists the volumes of a results folder."""

import html
from pathlib import Path
from urllib.parse import quote

from virtual_staining.artefacts.paths import Results
from virtual_staining.view.neuroglancer_links import Neuroglancer
from virtual_staining.view.volumes import FoundVolume, found_volumes

STYLE = (
    "body{font:15px system-ui,sans-serif;margin:2em}td{padding:.3em 1em}"
    "img{height:160px;vertical-align:middle}"
)


def list_page(results: Results, files: str, neuroglancer: Neuroglancer) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    results : Results
    files : str
        Address at which the folder's files are served.
    neuroglancer : Neuroglancer
    """
    rows = "".join(_row(results, files, neuroglancer, volume) for volume in found_volumes(results))
    return (
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'>"
        "<link rel='icon' href='data:,'><title>Stained volumes</title>"
        f"<style>{STYLE}</style></head><body>"
        f"<h1>Stained volumes of {html.escape(str(results))}</h1><table>{rows}</table>"
        f"<p>{html.escape(neuroglancer.remark)}</p></body></html>"
    )


def _row(results: Results, files: str, neuroglancer: Neuroglancer, volume: FoundVolume) -> str:
    names = (volume.stain, volume.model, volume.volume)
    drawn = results.drawn_volume(*names)

    def address(path: Path) -> str:
        return files + quote(path.relative_to(results.root).as_posix())

    def link(path: Path, text: str) -> str:
        return f"<a href='{address(path)}'>{text}</a>" if path.exists() else ""

    outside = neuroglancer.address(results, volume, address(results.stained_volume(*names).zarr))
    cells = [
        f"<img alt='' src='{address(drawn.render)}'>" if drawn.render.exists() else "",
        html.escape(", ".join(names)),
        link(drawn.page, "turn and cut") or "not drawn yet: run <code>snakemake volumes</code>",
        link(drawn.orthogonal, "slices"),
        link(drawn.turntable, "turntable"),
        f"<a href='{html.escape(outside)}'>neuroglancer</a>" if outside else "",
    ]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
