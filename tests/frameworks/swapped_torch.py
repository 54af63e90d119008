"""A plugin of pytest: what torch's own tests find in `torch.nn.init` is `fastinit.torch.nn_init`'s."""

import torch

from fastinit.torch import nn_init

for _name in nn_init.__all__:
    setattr(torch.nn.init, _name, getattr(nn_init, _name))
