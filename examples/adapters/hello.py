def greet(name: str) -> str:
    """Says hello."""
    return f"Hello, {name}!"
