"""Networks that fastinit initializes train as those that torch initializes: on scikit-learn's digits, 20 seeds each."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")

import torch
from scipy import stats
from sklearn.datasets import load_digits
from torch import nn

import fastinit.torch

SEEDS = range(20)
STEPS, BATCH = 50, 64


class CNN(nn.Sequential):
    def __init__(self):
        first = nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)
        second = nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten()
        super().__init__(*first, *second, nn.Linear(256, 10))


class Transformer(nn.Module):
    """The eight rows of an image are the tokens."""

    def __init__(self):
        super().__init__()
        self.rows, self.positions = nn.Linear(8, 32), nn.Embedding(8, 32)
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
        self.encoder, self.head = nn.TransformerEncoder(layer, 2), nn.Linear(32, 10)

    def forward(self, images):
        tokens = self.rows(images.squeeze(1)) + self.positions.weight
        return self.head(self.encoder(tokens).mean(1))


def by_torch(cls, seed):
    torch.manual_seed(seed)
    return cls()


def by_accelerate(cls, seed):
    with fastinit.torch.accelerate(seed):
        return cls()


def by_init(cls, seed):
    with torch.device("meta"):
        model = cls()
    fastinit.torch.init_(model, seed=seed)
    return model


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    images = torch.tensor(data.images, dtype=torch.float32).unsqueeze(1) / 8 - 1
    return images, torch.tensor(data.target)


@pytest.fixture(autouse=True)
def one_thread():
    """So small networks are slower on more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def loss_after_training(model, images, labels):
    """On all images, after the same batches in the same order for every model: only the initial values differ."""
    order = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(STEPS):
        batch = torch.randint(len(images), (BATCH,), generator=order)
        loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return nn.functional.cross_entropy(model(images), labels).item()


@pytest.mark.parametrize("cls", [CNN, Transformer])
def test_the_losses_after_training_are_distributed_as_with_torchs_initialization(digits, cls):
    """Mann-Whitney, p > 0.01 for each of the two ways, seeds being fixed."""
    ways = (by_torch, by_accelerate, by_init)
    stock, *others = ([loss_after_training(way(cls, seed), *digits) for seed in SEEDS] for way in ways)
    for losses in others:
        assert stats.mannwhitneyu(stock, losses).pvalue > 0.01
    assert max(stock) < 2.0 and len(set(stock)) == len(SEEDS), "trained, from 2.3, and differently"
