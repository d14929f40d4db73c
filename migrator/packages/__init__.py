"""Build Arch Linux packages of Kubernetes and its runtime, on small machines too, and publish them."""
