"""Names of container images."""


def full_name(image: str) -> str:
    """Return the image with docker.io and library/ written out, as a container runtime reads it."""
    head, slash, _ = image.partition("/")
    if not slash:
        return f"docker.io/library/{image}"
    return image if "." in head or ":" in head or head == "localhost" else f"docker.io/{image}"
