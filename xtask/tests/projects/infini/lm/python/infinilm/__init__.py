from .llm import twice

__all__ = ["twice"]
