"""The initializers' functions, he_normal for HeNormal, as `@initializer` defines them. Their signatures: functions.pyi."""

from fastinit.initializers.definition import ALIASES, INITIALIZERS

__all__ = sorted([*INITIALIZERS, *ALIASES])  # complete: the package imports the classes' modules before this one

globals().update(INITIALIZERS | ALIASES)
