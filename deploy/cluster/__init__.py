"""Files that make a cluster of Ray: on GCP, on Kubernetes, and the image of its nodes."""
