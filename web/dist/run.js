import"./part-BTGYHGOS.js";
