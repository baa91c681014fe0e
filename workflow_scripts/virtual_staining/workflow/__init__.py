"""What only the Snakemake rules and make use."""
