"""Every model of the libraries, built the stock way and through fastinit: `python -m bench.zoo` compares each tensor."""
