"""Images reconstructed from measurements alone (Pajot et al. 2019; Bora et al. 2018)."""
