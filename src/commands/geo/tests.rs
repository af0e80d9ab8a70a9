//! Transcripts of the commands on places; answers are those of Valkey 9.1.

use crate::testkit::check;

#[test]
fn places_are_added_and_asked_for() {
    check(
        r#"> GEOADD Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania | :2
        > GEOADD Sicily 13.361389 38.115556 Palermo | :0
        > GEOADD Sicily NX 13.5 38 Palermo 13.583333 37.316667 Agrigento | :1
        > GEOADD Sicily XX CH 13.583333 37.3 Agrigento 1 1 new | :1
        > GEOADD Sicily CH 13.583333 37.316667 Agrigento 12.5 38.02 4545 | :2
        > GEOADD none XX 1 1 a | :0
        > EXISTS none | :0
        > TYPE Sicily | +zset
        > OBJECT ENCODING Sicily | "listpack"
        > GEOPOS Sicily Palermo none Catania
        [ [ "13.36138933897018433" "38.11555639549629859" ] nil [ "15.08726745843887329" "37.50266842333162032" ] ]
        > GEOPOS Sicily | [ ]
        > GEOPOS none a b | [ nil nil ]
        > GEOHASH Sicily Palermo none Catania 4545 | [ "sqc8b49rny0" nil "sqdtr74hyu0" "sqbbk3q4x10" ]
        > GEOHASH Sicily | [ ]
        > GEOHASH none a | [ nil ]
        > GEODIST Sicily Palermo Catania | "166274.1516"
        > GEODIST Sicily Palermo Catania km | "166.2742"
        > GEODIST Sicily Palermo Catania MI | "103.3182"
        > GEODIST Sicily Palermo Catania Ft | "545518.8700"
        > GEODIST Sicily Palermo Palermo | "0.0000"
        > GEODIST Sicily Palermo none | nil
        > GEODIST none a b km | nil
        > GEODIST Sicily Palermo Catania cm | -ERR unsupported unit provided. please use M, KM, FT, MI
        > GEODIST Sicily Palermo Catania km x | -ERR syntax error
        > GEODIST none a b km x | -ERR syntax error
        > GEOADD Sicily NX XX 1 1 a | -ERR syntax error
        > GEOADD Sicily NX CH XX | -ERR syntax error
        > GEOADD Sicily 1 1 | -ERR wrong number of arguments for 'geoadd' command
        > GEOADD Sicily 1 1 a 2 | -ERR syntax error
        > GEOADD Sicily CH foo 1 1 a | -ERR syntax error
        > GEOADD Sicily x 1 a | -ERR value is not a valid float
        > GEOADD Sicily 1 x a | -ERR value is not a valid float
        > GEOADD Sicily 1 1 a nan 1 b | -ERR value is not a valid float
        > GEOADD Sicily 180.1 0 a | -ERR invalid longitude,latitude pair 180.100000,0.000000
        > GEOADD Sicily 0 -85.06 a | -ERR invalid longitude,latitude pair 0.000000,-85.060000
        > GEOADD Sicily inf 0 a | -ERR invalid longitude,latitude pair inf,0.000000
        > GEOADD Sicily 180 85.05112878 corner -180 -85.05112878 other 0 0 "" | :3
        > GEOPOS Sicily corner other ""
        [ [ "180" "85.0511287799999991" ] [ "-179.99999731779098511" "-85.05112751263942528" ] [ "0.00000268220901489" "0.00000126736058093" ] ]
        > GEODIST Sicily corner other km | "18919.8446"
        > SET k v | +OK
        > GEOADD k 1 1 a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > GEOPOS k a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > GEOHASH k a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > GEODIST k a b | -WRONGTYPE Operation against a key holding the wrong kind of value
        > GEODIST k a b cm | -ERR unsupported unit provided. please use M, KM, FT, MI
        > GEODIST k a | -ERR wrong number of arguments for 'geodist' command
        "#,
    );
}

#[test]
fn areas_are_searched() {
    check(
        r#"> GEOADD nyc -73.9454966 40.747533 "lic market" -73.9733487 40.7648057 "central park n/q/r" -73.9903085 40.7362513 "union square"
        :3
        > GEOADD nyc -74.0131604 40.7126674 "wtc one" -73.7858139 40.6428986 jfk -73.9375699 40.7498929 q4 -73.9564142 40.7480973 4545
        :4
        > GEOSEARCH nyc FROMLONLAT -73.9798091 40.7598464 BYRADIUS 3 km ASC
        [ "central park n/q/r" "4545" "union square" ]
        > GEOSEARCH nyc FROMLONLAT -73.9798091 40.7598464 BYBOX 6 6 km ASC WITHDIST
        [ [ "central park n/q/r" "0.7750" ] [ "4545" "2.3651" ] [ "union square" "2.7697" ] [ "lic market" "3.1991" ] ]
        > GEOSEARCH nyc FROMMEMBER "wtc one" BYBOX 14 14 KM DESC
        [ "q4" "lic market" "central park n/q/r" "4545" "union square" "wtc one" ]
        > GEOSEARCH nyc FROMMEMBER "wtc one" BYRADIUS 0 m WITHHASH WITHDIST
        [ [ "wtc one" "0.0000" :1791873972053020 ] ]
        > GEOSEARCH nyc FROMLONLAT -73.9798091 40.7598464 BYRADIUS 10 km COUNT 3
        [ "central park n/q/r" "4545" "union square" ]
        > GEOSEARCH nyc FROMLONLAT -73.9798091 40.7598464 BYRADIUS 10 km COUNT 2 DESC WITHDIST
        [ [ "wtc one" "5.9530" ] [ "q4" "3.7269" ] ]
        > GEOSEARCH nyc FROMLONLAT -73.9798091 40.7598464 BYRADIUS 10 km COUNT 3 ANY
        [ "wtc one" "union square" "central park n/q/r" ]
        > GEOSEARCH nyc FROMLONLAT -73.9798091 40.7598464 BYRADIUS 10 km COUNT 3 ANY ASC
        [ "central park n/q/r" "union square" "wtc one" ]
        > GEOSEARCH nyc FROMLONLAT -73.9798091 40.7598464 BYRADIUS 2 mi WITHCOORD WITHHASH WITHDIST COUNT 1
        [ [ "central park n/q/r" "0.4816" :1791875761332224 [ "-73.97334784269332886" "40.76480639569881959" ] ] ]
        > GEOSEARCH nyc FROMLONLAT -73.9798091 40.7598464 BYRADIUS 10000 ft BYRADIUS 1500 m
        [ "central park n/q/r" ]
        > GEOSEARCH nyc BYPOLYGON 4 -74.1 40.7 -73.95 40.7 -73.95 40.8 -74.1 40.8 ASC WITHDIST
        [ [ "union square" "3300.4356" ] [ "wtc one" "4273.1980" ] [ "central park n/q/r" "4652.0205" ] [ "4545" "5783.3257" ] ]
        > GEOSEARCH nyc BYPOLYGON 3 0 0 1 1 0 1 | [ ]
        > GEOSEARCH nyc FROMLONLAT 0 0 BYRADIUS 50000 km COUNT 1 WITHDIST | [ [ "jfk" "8649.8228" ] ]
        > GEOSEARCH nyc FROMLONLAT 100 0 BYRADIUS 1 km | [ ]
        > GEOSEARCH none FROMLONLAT 0 0 BYRADIUS 1 km | [ ]
        > GEOSEARCH none FROMMEMBER a BYBOX 1 1 km WITHDIST COUNT 1 ANY | [ ]
        # Each centre and area excludes the others.
        > GEOSEARCH nyc FROMLONLAT 0 0 FROMMEMBER q4 BYRADIUS 1 km | -ERR syntax error
        > GEOSEARCH nyc FROMMEMBER q4 FROMLONLAT 0 0 BYRADIUS 1 km | -ERR syntax error
        > GEOSEARCH nyc FROMMEMBER q4 BYRADIUS 1 km BYBOX 1 1 km | -ERR syntax error
        > GEOSEARCH nyc FROMMEMBER q4 BYBOX 1 1 km BYRADIUS 1 km | -ERR syntax error
        > GEOSEARCH nyc FROMMEMBER q4 BYPOLYGON 3 0 0 1 1 0 1 | -ERR syntax error
        > GEOSEARCH nyc BYPOLYGON 3 0 0 1 1 0 1 FROMMEMBER q4 | -ERR syntax error
        > GEOSEARCH nyc BYBOX 3 3 km ASC WITHHASH
        -ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH
        > GeoSearch nyc BYRADIUS 3 km ASC WITHHASH
        -ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GeoSearch
        > GEOSEARCH nyc FROMMEMBER q4 ASC DESC WITHHASH
        -ERR exactly one of BYRADIUS, BYBOX and BYPOLYGON can be specified for GEOSEARCH
        > GEOSEARCH nyc BYPOLYGON 2 0 0 1 1 ASC | -ERR GEOSEARCH BYPOLYGON must have at least 3 vertices
        > GEOSEARCH nyc BYPOLYGON 4 0 0 1 1 0 1 | -ERR GEOSEARCH BYPOLYGON must have at least 3 vertices
        > GEOSEARCH nyc BYPOLYGON x 0 0 1 1 0 1 | -ERR invalid number of vertices
        > GEOSEARCH nyc BYPOLYGON 99999999999 0 0 1 1 0 1 | -ERR invalid number of vertices
        > GEOSEARCH nyc BYPOLYGON -5 0 0 1 1 0 1 | -ERR GEOSEARCH BYPOLYGON must have at least 3 vertices
        > GEOSEARCH nyc BYPOLYGON 3 0 0 1 1 0 91 | -ERR invalid longitude,latitude pair 0.000000,91.000000
        > GEOSEARCH nyc BYPOLYGON 3 0 0 1 1 0 x | -ERR value is not a valid float
        > GEOSEARCH nyc FROMMEMBER nobody BYRADIUS 1 km | -ERR member nobody does not exist
        > GEOSEARCH nyc FROMMEMBER "no\x00body" BYRADIUS 1 km | -ERR member no does not exist
        > GEOSEARCH nyc FROMLONLAT 181 0 BYRADIUS 1 km
        -ERR invalid longitude,latitude pair 181.000000,0.000000
        > GEOSEARCH nyc FROMLONLAT x 0 BYRADIUS 1 km | -ERR value is not a valid float
        > GEOSEARCH nyc FROMMEMBER q4 BYRADIUS x km | -ERR need numeric radius
        > GEOSEARCH nyc FROMMEMBER q4 BYRADIUS -1 km | -ERR radius cannot be negative
        > GEOSEARCH nyc FROMMEMBER q4 BYRADIUS 1 lightyears
        -ERR unsupported unit provided. please use M, KM, FT, MI
        > GEOSEARCH nyc FROMMEMBER q4 BYBOX x 1 km | -ERR need numeric width
        > GEOSEARCH nyc FROMMEMBER q4 BYBOX 1 x km | -ERR need numeric height
        > GEOSEARCH nyc FROMMEMBER q4 BYBOX 1 -1 km | -ERR height or width cannot be negative
        > GEOSEARCH nyc FROMMEMBER q4 BYBOX 1 1 cm | -ERR unsupported unit provided. please use M, KM, FT, MI
        > GEOSEARCH nyc FROMMEMBER q4 BYRADIUS 1 km COUNT 0 | -ERR COUNT must be > 0
        > GEOSEARCH nyc FROMMEMBER q4 BYRADIUS 1 km COUNT x | -ERR value is not an integer or out of range
        > GEOSEARCH nyc FROMMEMBER q4 BYRADIUS 1 km COUNT | -ERR syntax error
        > GEOSEARCH nyc FROMMEMBER q4 BYRADIUS 1 km ANY | -ERR the ANY argument requires COUNT argument
        > GEOSEARCH nyc FROMMEMBER q4 BYRADIUS 1 km STOREDIST | -ERR syntax error
        > GEOSEARCH nyc FROMMEMBER q4 BYRADIUS 1 km STORE d | -ERR syntax error
        > GEOSEARCH nyc FROMMEMBER q4 BYRADIUS 1 | -ERR wrong number of arguments for 'geosearch' command
        > GEOSEARCH nyc FROMMEMBER q4 | -ERR wrong number of arguments for 'geosearch' command
        > SET k v | +OK
        > GEOSEARCH k foo bar foo bar foo | -WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn results_are_stored() {
    check(
        r#"> GEOADD Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 12.5 38.02 7 | :3
        > GEORADIUS Sicily 15 37 200 km ASC | [ "Catania" "Palermo" ]
        > GEORADIUS Sicily 15 37 200 km WITHDIST WITHCOORD WITHHASH DESC
        [ [ "Palermo" "190.4424" :3479099956230698 [ "13.36138933897018433" "38.11555639549629859" ] ] [ "Catania" "56.4413" :3479447370796909 [ "15.08726745843887329" "37.50266842333162032" ] ] ]
        > GEORADIUS_RO Sicily 15 37 200000 m COUNT 1 | [ "Catania" ]
        > GEORADIUSBYMEMBER Sicily Palermo 100 km | [ "7" "Palermo" ]
        > GEORADIUSBYMEMBER_RO Sicily Palermo 166.5 km DESC WITHDIST
        [ [ "Catania" "166.2742" ] [ "7" "76.1738" ] [ "Palermo" "0.0000" ] ]
        > GEORADIUSBYMEMBER Sicily nobody 100 km | -ERR member nobody does not exist
        > GEORADIUSBYMEMBER Sicily nobody x foo | -ERR member nobody does not exist
        > GEORADIUSBYMEMBER none nobody x foo | [ ]
        > GEORADIUSBYMEMBER none nobody x foo bar | -ERR syntax error
        > GEORADIUSBYMEMBER none nobody 1 km COUNT 0 | -ERR COUNT must be > 0
        > GEORADIUS none 15 37 x km | -ERR need numeric radius
        > GEORADIUS none 15 37 1 cm | -ERR unsupported unit provided. please use M, KM, FT, MI
        > GEORADIUS none 15 37 -1 km | -ERR radius cannot be negative
        > GEORADIUS none 15 97 1 km | -ERR invalid longitude,latitude pair 15.000000,97.000000
        > GEORADIUS none 15 37 1 km | [ ]
        > GEORADIUS Sicily 15 37 200 km STORE d | :2
        > ZRANGE d 0 -1 WITHSCORES | [ "Palermo" "3479099956230698" "Catania" "3479447370796909" ]
        > GEORADIUS Sicily 15 37 200 km STOREDIST d | :2
        > ZRANGE d 0 -1 WITHSCORES | [ "Catania" "56.4412578701582" "Palermo" "190.44242984775784" ]
        > GEORADIUSBYMEMBER Sicily Palermo 100 km COUNT 1 STORE x STOREDIST d | :1
        > ZRANGE d 0 -1 WITHSCORES | [ "Palermo" "0" ]
        > EXISTS x | :0
        > GEORADIUSBYMEMBER Sicily Palermo 300 mi STOREDIST x STORE d COUNT 2 DESC | :2
        > ZRANGE d 0 -1 WITHSCORES | [ "7" "3478970027220945" "Catania" "3479447370796909" ]
        > GEORADIUS Sicily 0 0 1 km STORE d | :0
        > EXISTS d | :0
        > GEORADIUS none 15 37 200 km STORE Sicily2 | :0
        > SET d v EX 100 | +OK
        > GEOSEARCHSTORE d Sicily FROMLONLAT 15 37 BYBOX 400 400 km STOREDIST | :2
        > ZRANGE d 0 -1 WITHSCORES | [ "Catania" "56.4412578701582" "Palermo" "190.44242984775784" ]
        > TTL d | :-1
        > OBJECT ENCODING d | "listpack"
        > GEOSEARCHSTORE d Sicily FROMMEMBER 7 BYRADIUS 100 km | :2
        > ZRANGE d 0 -1 WITHSCORES | [ "7" "3478970027220945" "Palermo" "3479099956230698" ]
        > GEOSEARCHSTORE d Sicily BYPOLYGON 3 13 38 13 39 14 38 | :1
        > ZRANGE d 0 -1 WITHSCORES | [ "Palermo" "3479099956230698" ]
        > GEOSEARCHSTORE Sicily Sicily FROMLONLAT 15 37 BYRADIUS 200 km COUNT 1 | :1
        > ZRANGE Sicily 0 -1 | [ "Catania" ]
        > GEOSEARCHSTORE d none FROMMEMBER 7 BYRADIUS 100 km | :0
        > EXISTS d | :0
        > GEOSEARCHSTORE d none FROMMEMBER 7 BYRADIUS 100 km | :0
        > GEOSEARCHSTORE Sicily Sicily FROMLONLAT 0 0 BYRADIUS 1 km | :0
        > EXISTS Sicily | :0
        > GEORADIUS none 15 37 200 km STORE d WITHDIST
        -ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options
        > GEORADIUSBYMEMBER none x 200 km STOREDIST d WITHHASH
        -ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options
        > GEOSEARCHSTORE d none FROMMEMBER 7 BYRADIUS 100 km WITHCOORD
        -ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options
        > GEOSEARCHSTORE d none FROMMEMBER 7 BYRADIUS 100 km STORE x | -ERR syntax error
        > GEOSEARCHSTORE d none FROMMEMBER 7 COUNT 1 ASC
        -ERR exactly one of BYRADIUS, BYBOX and BYPOLYGON can be specified for GEOSEARCHSTORE
        > GEOSEARCHSTORE d none BYRADIUS 1 km ASC COUNT 1
        -ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCHSTORE
        > GEORADIUS_RO none 15 37 200 km STORE d | -ERR syntax error
        > GEORADIUSBYMEMBER_RO none x 200 km STOREDIST d | -ERR syntax error
        > GEORADIUS none 15 37 200 km STORE | -ERR syntax error
        > GEORADIUS none 15 37 200 km FROMMEMBER x | -ERR syntax error
        > SET k v | +OK
        > GEORADIUS k x x x x | -WRONGTYPE Operation against a key holding the wrong kind of value
        > GEORADIUSBYMEMBER k x x x | -WRONGTYPE Operation against a key holding the wrong kind of value
        > GEOSEARCHSTORE d k x x x x x | -WRONGTYPE Operation against a key holding the wrong kind of value
        > GEORADIUS k 1 2 3 | -ERR wrong number of arguments for 'georadius' command
        > COMMAND GETKEYS GEORADIUS g 1 2 3 km STORE a STOREDIST b | [ "g" "b" ]
        > COMMAND GETKEYS GEORADIUSBYMEMBER g m 3 km STOREDIST b | [ "g" "b" ]
        > COMMAND GETKEYS GEORADIUS_RO g 1 2 3 km ASC | [ "g" ]
        > COMMAND GETKEYS GEOSEARCHSTORE d s FROMLONLAT 1 2 BYRADIUS 3 km | [ "d" "s" ]
        "#,
    );
}

/// Any score is a place: sorted sets are not made by GEOADD alone.
#[test]
fn any_sorted_set_holds_places() {
    check(
        r#"> ZADD z inf a -inf b -1 c 0.5 d 1e19 e 9007199254740993 f | :6
        > GEOPOS z a b c d e f
        [ [ "-179.99999731779098511" "-85.05112751263942528" ] [ "180" "-85.05112751263942528" ] [ "180" "85.0511287799999991" ] [ "-179.99999731779098511" "-85.05112751263942528" ] [ "180" "85.0511287799999991" ] [ "180" "-85.05112751263942528" ] ]
        > GEOHASH z a b c d e f
        [ "00bh0hbj200" "00bh0hbj200" "bp05b5048p0" "00bh0hbj200" "bp05b5048p0" "00bh0hbj200" ]
        > GEODIST z a b | "0.0257"
        > GEOSEARCH z FROMLONLAT 0 0 BYRADIUS 30000 km WITHHASH WITHDIST | [ [ "d" "10560.8118" :0 ] ]
        > GEOSEARCH z FROMMEMBER a BYRADIUS 1 km WITHHASH | [ [ "d" :0 ] ]
        > GEOSEARCH z FROMMEMBER c BYBOX 1 1 km | [ ]
        "#,
    );
}
