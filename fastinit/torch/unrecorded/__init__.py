"""Models whose construction was not recorded: whether the modules' own methods would do what construction did."""
