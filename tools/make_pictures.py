"""Draws the pictures of docs/learn.md and gallery.md into docs/pictures/: `python tools/make_pictures.py [NAME...]`."""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

import fastinit
import fastinit.torch
from fastinit import lab
from fastinit.initializers import Normal
from fastinit.lab import pictures
from fastinit.lab.scenarios import SCENARIOS, depth, vision
from fastinit.lab.strategies import Strategy

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
WIDTH, LAYERS = 100, 20


def network(activation=nn.ReLU, layers=LAYERS):
    parts = [part for _ in range(layers) for part in (nn.Linear(WIDTH, WIDTH), activation())]
    return nn.Sequential(*parts[:-1])


def signals(strategies, activation=nn.ReLU):
    """The signal of 100 inputs from N(0, 1) through the network, under each strategy."""
    x = torch.randn(100, WIDTH, generator=torch.Generator().manual_seed(0))
    seen = {}
    for label, spec in strategies.items():
        model = network(activation)
        Strategy(label, spec).fill(model, x, 0)
        seen[label] = lab.inspect(model, x, spectra=False)
    return pictures.of_signals(seen)


def symmetry():
    """The tutorial's example, also from zeros."""
    example = SCENARIOS["example"]
    return pictures.of_curves(example.compare(example.task(), True, None, None))


def distributions():
    """What is drawn for a layer of 200 inputs and 100 outputs."""
    figure = pictures.new_figure(2)
    panels = figure.subplots(2, 2).ravel()
    made = {
        "uniform(-0.05, 0.05)": fastinit.uniform((200, 100), low=-0.05, high=0.05, seed=0),
        "normal(std=0.01)": fastinit.normal((200, 100), std=0.01, seed=0),
        "xavier_uniform": fastinit.xavier_uniform((200, 100), seed=0),
        "he_normal": fastinit.he_normal((200, 100), seed=0),
    }
    for number, (axes, (name, values)) in enumerate(zip(panels, made.items())):
        axes.hist(
            values.ravel(), np.linspace(-0.35, 0.35, 71), density=True, histtype="stepfilled", color=pictures.COLOURS[number]
        )
        axes.set_title(f"{name}: std {values.std():.3f}", fontsize=9, color=pictures.INK)
    return pictures.drawn("Four distributions", figure, "; ".join(f"{name}: std {x.std():.3f}" for name, x in made.items()))


def signal():
    """What 20 relu layers leave of the signal."""
    return signals(
        {"normal, std 0.05": Normal(0.0, 0.05), "xavier": "xavier_normal", "he": "he_normal", "std 0.3": Normal(0.0, 0.3)}
    )


def variance():
    """He's variance 2 / n as it is meant, and taken for a standard deviation."""
    return signals({"std = sqrt(2 / n)": Normal(0.0, (2 / WIDTH) ** 0.5), "std = 2 / n": Normal(0.0, 2 / WIDTH)})


def tanh():
    """The same of tanh, whose slope at 0 is 1."""
    return signals(
        {"normal, std 0.05": Normal(0.0, 0.05), "xavier": "xavier_normal", "he": "he_normal", "std 0.5": Normal(0.0, 0.5)},
        nn.Tanh,
    )


def depths():
    """Accuracy by depth, activation and strategy: a part of `fastinit lab tour --only depth`."""
    chosen = {name: {} for name in ("tanh", "relu")}
    for name, by_depth in chosen.items():
        for layers in (5, 20, 50):
            scenario = depth.scenario(name, layers, False)
            by_depth[layers] = lab.compare(scenario.make_model, scenario.task(), scenario.strategies, seeds=3, epochs=4)
    return pictures.of_accuracies(chosen)


def verdict():
    """A CNN under four strategies, 5-fold cross-validation, 5 seeds: who beats whom."""
    names = ["torch", "xavier_normal", "he_normal", "lecun_normal"]
    result = lab.compare(vision.make_cnn, vision.task(), names, seeds=5, folds=5, epochs=3)
    print(result.verdict)
    return pictures.of_differences(result)


MATRICES = {
    "normal": {"std": 0.2},
    "uniform": {"low": -0.3, "high": 0.3},
    "truncated_normal": {"std": 0.2},
    "xavier_uniform": {},
    "he_normal": {},
    "orthogonal": {},
    "sparse": {"sparsity": 0.9, "std": 0.3},
    "identity": {},
    "zero_hadamard": {},
    "looks_linear": {"initializer": "orthogonal"},
    "mimetic_attention": {"part": "value"},
    "mamba_a_log": {},
}


SHAPES = {"zero_hadamard": (16, 32)}  # square it is the identity


def matrices():
    """A matrix of each of a dozen initializers: inputs from top to bottom, outputs from left to right."""
    figure = pictures.new_figure(4)
    for axes, (name, parameters) in zip(figure.subplots(4, 3).ravel(), MATRICES.items()):
        make, shape = getattr(fastinit.initializers, name), SHAPES.get(name, (32, 32))
        values = make(shape, seed=0, name="w", layout="io", **parameters)
        axes.imshow(values, cmap="RdBu", vmin=-abs(values).max(), vmax=abs(values).max(), interpolation="nearest")
        axes.set_title(name, fontsize=8, color=pictures.INK)
        axes.set_xticks([])
        axes.set_yticks([])
    return pictures.drawn("Matrices", figure, f"Matrices, from red, negative, to blue, of {', '.join(MATRICES)}")


PICTURES = {made.__name__: made for made in (symmetry, distributions, signal, variance, tanh, depths, verdict, matrices)}


def main(names):
    FOLDER.mkdir(exist_ok=True)
    for name in names or PICTURES:
        picture = PICTURES[name]()
        svg = picture.svg.replace("currentColor", pictures.INK).replace("<svg ", '<svg width="560" ', 1)
        text = "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"
        (FOLDER / f"{name}.svg").write_text(text, "utf-8")
        print(f"docs/pictures/{name}.svg: {picture.alt}")


if __name__ == "__main__":
    main(sys.argv[1:])
