import"./part-2IIGO2L2.js";
