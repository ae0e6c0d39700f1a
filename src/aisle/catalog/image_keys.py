"""Where images of products lie in their bucket."""


def image_key(prefix: str, split: str, name: str) -> str:
    """Return the key of a product's image in the bucket.

    >>> image_key("", "train", "image_1_product_2.jpg"), image_key("shop/", "test", "a.jpg")
    ('x_train/image_1_product_2.jpg', 'shop/x_test/a.jpg')
    """
    return f"{prefix}x_{split}/{name}"
