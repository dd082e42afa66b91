"""How good the answers are: metrics, calibration and the unknown verdict. Data, no pictures."""
