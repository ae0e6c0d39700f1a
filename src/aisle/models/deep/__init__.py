"""The deep family: a small net on n-grams and image features, fitted with torch and answering without it."""
