"""What runs on the hosts: the standard library alone, since nothing is installed there but Python, rsync and OpenSSH."""
