"""From a product to arrays; pure, without any input or output."""
