"""Functions of torch.nn.init, or of what has the same names, one of each kind."""

DRAWS = {
    "normal_": lambda init, tensor: init.normal_(tensor, std=0.02),
    "uniform_": lambda init, tensor: init.uniform_(tensor, -1.0, 1.0),
    "trunc_normal_": lambda init, tensor: init.trunc_normal_(tensor, std=0.5),
    "kaiming_uniform_": lambda init, tensor: init.kaiming_uniform_(tensor),
    "orthogonal_": lambda init, tensor: init.orthogonal_(tensor),
}
