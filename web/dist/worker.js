import"./part-PWAXUNDD.js";
