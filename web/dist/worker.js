import"./part-46DOE7HS.js";
