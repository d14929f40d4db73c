"""The Pulumi program: one stack is one cluster; today it names the cluster and what it should be."""

import pulumi

config = pulumi.Config("migrator")
pulumi.export("kubernetesVersion", config.require("kubernetesVersion"))
pulumi.export("kubeconfig", config.require("kubeconfig"))
pulumi.export("context", config.require("context"))
