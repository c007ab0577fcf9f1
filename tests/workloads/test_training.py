from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from beolith.errors import BeolithError, DataError
from beolith.workloads import Dataset, Trained, evaluate, load, networks, train
from beolith.workloads.fit import fit, shifted
from beolith.workloads.recipes import SPECIAL, USUAL, Recipe

BARS = {"mlp": 0.96, "lenet5": 0.97}
Damage = Callable[[bytes], bytes]
SHORT = Recipe(epochs=2, peak_rate=1e-2, shift=1, batch=64)


def weights(module: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def fitted(seed: int) -> Tensor:
    return weights(fit(partial(networks.build, "lenet5", 1, 8, 10), load("digits", "train").first(300), SHORT, seed))


def quick(cache: Path, seed: int = 0) -> Trained:
    return train("mlp", "digits", seed=seed, epochs=1, cache=cache)


def test_the_seed_decides_every_bit() -> None:
    first = fitted(0)
    assert torch.equal(first, fitted(0))
    assert not torch.equal(first, fitted(1))


def test_global_state_is_left_alone(tmp_path: Path) -> None:
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    quick(tmp_path)
    quick(tmp_path)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("name", BARS)
def test_digits_are_learnt(name: str) -> None:
    trained = train(name, "digits")
    assert trained.accuracy >= BARS[name]
    assert trained.accuracy == evaluate(trained.module, load("digits", "test"))
    assert not trained.module.training


def test_progress_counts_the_epochs(tmp_path: Path) -> None:
    seen: list[tuple[int, int, float]] = []
    train("mlp", "digits", epochs=3, cache=tmp_path, progress=lambda *step: seen.append(step))
    assert [step[:2] for step in seen] == [(1, 3), (2, 3), (3, 3)]
    assert seen[0][2] > seen[-1][2] > 0


def test_cache_is_used_and_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, other = quick(tmp_path), quick(tmp_path, seed=1)
    assert len(list(tmp_path.glob("mlp-digits-*.pt"))) == 2
    assert first.digest != other.digest
    monkeypatch.setattr("beolith.workloads.fit.fit", None)  # training again would fail
    again = quick(tmp_path)
    assert torch.equal(weights(again.module), weights(first.module))
    assert (again.accuracy, again.seed, again.epochs, again.digest) == (first.accuracy, 0, 1, first.digest)
    assert not again.module.training


def flipped(raw: bytes, place: float) -> bytes:
    at = int(place * len(raw))
    return raw[:at] + bytes([raw[at] ^ 0xFF]) + raw[at + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: b"",
        lambda raw: b"no zip",
        lambda raw: raw[: len(raw) // 2],
        lambda raw: flipped(raw, 0.5),  # inside a weight: still a valid zip of a valid state
    ],
)
def test_damaged_cache_is_trained_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[bytes], bytes]
) -> None:
    first = quick(tmp_path)
    (path,) = tmp_path.iterdir()
    intact = path.read_bytes()
    path.write_bytes(damage(intact))
    with caplog.at_level(logging.WARNING):
        assert torch.equal(weights(quick(tmp_path).module), weights(first.module))
    assert f"{path}: damaged weights" in caplog.text
    assert path.read_bytes() == intact


def test_weights_of_another_network_are_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    quick(tmp_path)
    (path,) = tmp_path.iterdir()
    torch.save(networks.build("lenet5", 1, 8, 10).state_dict(), path)
    assert quick(tmp_path).accuracy > 0.3
    assert "damaged weights" in caplog.text


def test_unwritable_cache_costs_a_warning_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    assert quick(tmp_path / "file").accuracy > 0.3
    assert "cannot be kept" in caplog.text


def test_weights_go_to_the_user_cache(cache: Path) -> None:
    train("mlp", "digits", epochs=1)
    assert len(list((cache / "weights").glob("mlp-digits-*.pt"))) == 1


def test_impossible_requests_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BeolithError, match="epochs is 0; allowed: 1 and more"):
        train("mlp", "digits", epochs=0)
    with pytest.raises(BeolithError, match="did you mean 'lenet5'"):
        train("lenet", "digits")
    with pytest.raises(DataError, match="did you mean 'digits'"):
        train("mlp", "digit")


def test_every_special_recipe_is_of_something_that_exists() -> None:
    assert {network for network, _ in SPECIAL} <= set(networks.names())
    assert {dataset for _, dataset in SPECIAL} <= set(USUAL)


def test_shifted_moves_whole_images_within_reach() -> None:
    images = torch.zeros(200, 1, 7, 7)
    images[:, 0, 3, 3] = 1
    moved = shifted(images, 2, torch.Generator().manual_seed(0))
    assert moved.shape == images.shape
    places = {(int(y), int(x)) for _, _, y, x in moved.nonzero()}
    assert places == set(product(range(1, 6), repeat=2))
    assert torch.equal(moved.sum(dim=(1, 2, 3)), torch.ones(200))
    assert torch.equal(shifted(images, 0, torch.Generator()), images)


def test_evaluate_counts_and_restores_the_mode() -> None:
    labels = torch.tensor([0, 1, 1, 0, 1])
    dataset = Dataset("few", torch.nn.functional.one_hot(torch.ones(5, dtype=torch.long)).float(), labels, ("a", "b"))
    module = nn.Sequential(nn.Dropout(1.0)).train()
    for batch in (1, 2, 1000):
        assert evaluate(module, dataset, batch) == 3 / 5
    assert module.training


def test_importing_the_room_costs_no_torch() -> None:
    code = "import sys, beolith.workloads; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
