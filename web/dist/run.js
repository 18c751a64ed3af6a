import"./part-RD2R4KPW.js";
