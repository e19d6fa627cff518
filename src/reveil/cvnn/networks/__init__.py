"""Private networks by family: each cut into what the device and what the cloud computes."""
