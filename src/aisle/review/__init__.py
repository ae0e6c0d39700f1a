"""The queue of products that a person should look at, what people decided, and what follows from it."""
