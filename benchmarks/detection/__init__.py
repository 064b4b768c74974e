"""Wrong and right gradients, with the answer that is wanted fixed beside each.

`dev` and `held` are two random halves of one corpus, which was written without sight of the
numerics. Nothing may be tuned on `held`. A case is a function under `@right` or `@wrong` that
returns forward function, vjp and inputs; `python -m benchmarks detection --prove` shows that its
answer is true, without the tool.
"""
