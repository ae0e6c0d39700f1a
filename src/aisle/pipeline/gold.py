"""The gold rows of a snapshot, and what a bundle answers on them now."""


