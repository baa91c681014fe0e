"""SSIM, PSNR and LPIPS of stained slides against the real ones, and their table (paper 2.10)."""
