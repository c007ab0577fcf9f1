"""Quickstart: the current of a published transistor, a gradient by its mobility, and the accuracy it leads to."""

import torch

from beolith import study
from beolith.devices import library

volt = torch.tensor([1.5, 1.0, 0.0], dtype=torch.float64)  # gate, drain, source
width, length = torch.tensor([70e-9, 45e-9], dtype=torch.float64)  # metre; everything inside is SI
igzo = library.load("belmonte2023_igzo")
mobility = igzo.tekv.mobility.requires_grad_()
on_current = igzo.transistor(width, length, torch.tensor(358.0, dtype=torch.float64)).current(*volt)
on_current.backward()
print(f"on current {on_current:.3g} A, d(current)/d(mobility) {mobility.grad:.3g} A/(m2/Vs)")

options = {"materials": ["belmonte2023_igzo"], "temperatures": ["85 degC"], "hold_times": ["1 us", "100 s"]}
ds = study.run("material_to_accuracy", {**options, "ages": [0.0], "network": "mlp", "images": 200}).dataset
print(ds[["accuracy", "retention_time"]].squeeze(drop=True).to_dataframe())
