"""DeOldify's networks (Antic 2019) and their published weights, behind our own generator's contract."""
