"""A plugin of pytest: what Keras' own tests find among Keras' initializers, by attribute or by name, is fastinit's."""

import sys
from types import ModuleType

import keras
import pytest

from fastinit.keras.names import CLASSES, NAMES

for _name, _class in CLASSES.items():
    setattr(keras.src.initializers, _name, _class)
keras.src.initializers.ALL_OBJECTS_DICT.update(NAMES)  # each test clears the scopes that `accelerate` is one of

conftest = ModuleType("conftest")  # of Keras' repository, which is not installed
conftest.skip_if_backend = lambda name, reason: pytest.mark.skipif(keras.backend.backend() == name, reason=reason)
sys.modules.setdefault("conftest", conftest)
