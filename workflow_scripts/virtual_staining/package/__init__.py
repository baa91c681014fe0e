"""package: a trained generator as a file to give away, with all that its use takes.

`complete` is a step of the workflow: it writes into generator.pt what the networks were trained on.
`show` prints that. `export` makes a package of the BioImage Model Zoo (bioimage.io) for other
programs, `import` takes the generator out of such a package.
"""
