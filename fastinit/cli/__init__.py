"""The command `fastinit`: a module for each sub-command, and `app`, which joins them."""
