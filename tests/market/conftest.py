"""Settings of the property tests."""

from hypothesis import settings

# a kernel's first call may compile it, which no deadline knows of
settings.register_profile("kernels", deadline=None)
settings.load_profile("kernels")
