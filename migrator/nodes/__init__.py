"""What is done to a host, one action each; used by provisioning and by the upgrade in place."""
