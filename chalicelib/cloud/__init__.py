"""What whoever operates Sendbrief does on AWS: package, deploy, look. None of it is in the functions."""
