"""The report of a training: its tables, its plots and the one page that holds them."""
