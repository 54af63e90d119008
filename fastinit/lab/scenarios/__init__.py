"""The scenarios of the tour, one a file: data that packages ship, a network, and the strategies that are compared on it."""

from fastinit.lab.scenarios import example, recommendation, reinforcement, speech, text, vision
from fastinit.lab.scenarios.scenario import Scenario, Size

ROOMS = (example, text, vision, speech, recommendation, reinforcement)
SCENARIOS: dict[str, Scenario] = {scenario.name: scenario for room in ROOMS for scenario in room.SCENARIOS}

__all__ = ["SCENARIOS", "Scenario", "Size"]
