"""Forms of the networks' layers that run faster on CPUs; one call, ``accelerate``, uses them."""
