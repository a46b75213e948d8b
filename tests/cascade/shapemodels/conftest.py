"""Small trained shape models; not to be changed."""

import pytest

from cascade import AAM, ASM


@pytest.fixture(scope="session")
def asm(synthetic):
    return ASM(scales=(12.0, 24.0), n_cells=5, random_state=0).fit(
        synthetic, 0.1, notes={"boxes": "tight"}
    )


@pytest.fixture(scope="session")
def aam(synthetic):
    options = {"scales": (12.0, 24.0), "n_appearances": (20, 30), "random_state": 0}
    return AAM(**options).fit(synthetic, 0.1)
