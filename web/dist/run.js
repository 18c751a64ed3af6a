import"./part-NXZIQWF7.js";
