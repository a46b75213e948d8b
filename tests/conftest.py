"""What tests share: where the real faces are, and a small trained cascade."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data():
    """Root of the real annotated faces: CASCADE_DATA, or shared/data beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    root = Path(os.environ.get("CASCADE_DATA", beside))
    if not (root / "300w").is_dir():
        pytest.skip(f"no real faces at {root}; set CASCADE_DATA to a folder that holds 300w/")
    return root


@pytest.fixture(scope="session")
def synthetic():
    """100 rendered faces."""
    from data_tools.synthetic import synthetic_faces

    return synthetic_faces(100, seed=3, size=160)


@pytest.fixture(scope="session")
def small_ert(synthetic):
    """An ERT trained in a second on `synthetic`; not to be changed."""
    from cascade import ERT, Starts

    return ERT(
        n_stages=3, n_trees=20, n_points=80, starts=Starts(n=4), smallest_leaf=5, random_state=0
    ).fit(synthetic)


@pytest.fixture(autouse=True, scope="session")
def few_faces_measured():
    """`cascade train` measures detectors on two faces, which takes no time."""
    from cascade.detection import measuring

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "N_MEASURED", 2)
        yield
