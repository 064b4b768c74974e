"""Wrong and right gradients, with the answer that is wanted fixed beside each.

`dev` and `held` are two random halves of one corpus, which was written without sight of the
numerics. Nothing may be tuned on `held`.
"""
