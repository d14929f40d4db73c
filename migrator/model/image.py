"""Names of container images."""


def full_name(image: str) -> str:
    """Return the image with the default registry `docker.io` and the default path `library/` added."""
    head, slash, _ = image.partition("/")
    if not slash:
        return f"docker.io/library/{image}"
    return image if "." in head or ":" in head or head == "localhost" else f"docker.io/{image}"
