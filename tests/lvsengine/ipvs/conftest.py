"""Let the contract's assertions say what they compared, as those in test files do."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.lvsengine.ipvs.plane_contract")
