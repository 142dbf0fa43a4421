"""What runs beside each step: averages that are updated every few steps, losses that are looked at now and then."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from training.callbacks import Ema


@pytest.mark.parametrize("steps", [4, 7])
def test_averages_have_the_decay_of_all_their_steps_and_are_whole_at_an_epochs_end(steps):
    model = torch.nn.BatchNorm1d(3)
    ema = Ema(model, decay=0.9, every=4)
    ema.learn = SimpleNamespace(model=model)
    ema.before_fit()
    with torch.no_grad():
        for parameter in (model.weight, model.running_mean):
            parameter.fill_(5.0)
    model.num_batches_tracked.fill_(steps)
    for _ in range(steps):
        ema.after_step()
    ema.after_train()
    share = 0.9**steps
    torch.testing.assert_close(ema.network.weight, torch.full((3,), share * 1 + (1 - share) * 5))
    torch.testing.assert_close(ema.network.running_mean, torch.full((3,), (1 - share) * 5))
    assert int(ema.network.num_batches_tracked) == steps
