"""Parts of `pricing doctor`: one examination per thing that can be wrong.

Here: examinations that need more than a few lines. Not here: their order and printing (shell/doctor).
"""
