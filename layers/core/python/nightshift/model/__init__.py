"""The nouns: frozen pydantic models, one word with one meaning everywhere."""
