"""What tests make for themselves: photographs, films, networks, servers."""
