"""The peer: SimpleITK's registration, set up as its documentation and examples advise."""

import cv2
import numpy as np
import SimpleITK as sitk
from register_cases import Case

from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.register.similarity import pose as poses

LEVELS = (8, 4, 2)  # shrink factors, as in its multi-resolution examples
THREADS = 1  # as in the registration that it is compared with


def register_with_sitk(case: Case, start: np.ndarray) -> np.ndarray:
    """Climb by Mattes mutual information from one pose: rigid over three levels, then affine.

    The section enters as grey values, one slice thick. The affine step is the general one of the
    plane's two axes, as the section's stretch lies in it.

    Parameters
    ----------
    case : Case
    start : ndarray, shape (12,)
        A pose.

    Returns
    -------
    ndarray, shape (12,)
        The pose reached.
    """
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(THREADS)
    voxel_mm = case.voxel_um / 1000
    moving = sitk.GetImageFromArray(case.volume.astype(np.float32))
    moving.SetSpacing([voxel_mm] * 3)
    moving.SetOrigin([voxel_mm / 2] * 3)
    fixed = _slide_image(case)
    transform = sitk.Euler3DTransform()
    frame = np.stack([start[poses.X_AXIS], start[poses.Y_AXIS], poses.normals(start)], 1)
    transform.SetMatrix(frame.ravel().tolist())
    # the fixed image has its origin at the slide's centre
    transform.SetTranslation((start[poses.CENTER] / 1000).tolist())
    transform = _optimize(fixed, moving, transform)
    rigid = sitk.Euler3DTransform(transform)
    affine = sitk.AffineTransform(3)
    affine.SetMatrix(rigid.GetMatrix())
    center = rigid.TransformPoint((0, 0, 0))
    affine.SetTranslation(center)
    affine = sitk.AffineTransform(_optimize(fixed, moving, affine, levels=LEVELS[-1:]))
    return _to_pose(affine)


def _slide_image(case: Case) -> sitk.Image:
    """The section's grey values at the voxel size, its centre at the origin."""
    grey = cv2.cvtColor(case.slide, cv2.COLOR_RGB2GRAY)
    width, height = (round(s / case.voxel_um) for s in case.size_um)
    grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    image = sitk.GetImageFromArray(grey[np.newaxis].astype(np.float32))
    spacing = [case.size_um[0] / width / 1000, case.size_um[1] / height / 1000]
    image.SetSpacing([*spacing, case.voxel_um / 1000])
    image.SetOrigin([-spacing[0] * (width - 1) / 2, -spacing[1] * (height - 1) / 2, 0])
    return image


def _optimize(fixed, moving, start, levels=LEVELS) -> sitk.Transform:
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(50)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(0.1, 1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=0.1, minStep=1e-4, numberOfIterations=200, relaxationFactor=0.7
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetSmoothingSigmasAreSpecifiedInPhysicalUnits(False)
    method.SetShrinkFactorsPerLevel([1] * len(levels))  # a slice cannot be shrunk along its normal
    method.SetSmoothingSigmasPerLevel([n / 2 for n in levels])
    method.SetInitialTransform(start, inPlace=False)
    result = method.Execute(_blurrable(fixed), moving)
    return result.GetNthTransform(0) if result.GetName() == "CompositeTransform" else result


def _blurrable(fixed: sitk.Image) -> sitk.Image:
    """Repeat the section four times, the fewest slices that SimpleITK's Gaussian filter accepts."""
    return sitk.JoinSeries(
        [fixed[:, :, 0]] * 4, -1.5 * fixed.GetSpacing()[2], fixed.GetSpacing()[2]
    )


def _to_pose(affine: sitk.AffineTransform) -> np.ndarray:
    center = np.array(affine.TransformPoint((0, 0, 0))) * 1000
    u, v = (np.array(affine.TransformPoint(p)) * 1000 - center for p in ((1, 0, 0), (0, 1, 0)))
    size = (2.0, 2.0)
    section = SectionMap(center - (u + v) / 1000, u / 1000, v / 1000)
    return poses.from_map(section, size)
